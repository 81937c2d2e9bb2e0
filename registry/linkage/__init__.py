"""Matching persons, reviewing pairs, and consolidating what several sources say."""
