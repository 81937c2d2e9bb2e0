"""The abstracting desk: starting a case, numbers, class of case, status, treatment, text support, queries."""
