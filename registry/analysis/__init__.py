"""Analysis from the live store: the Parquet snapshot, cohorts as Ibis expressions, suppression; calls survival and geo."""
