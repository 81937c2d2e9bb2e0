"""Exchange: the importer that reconciles every row, exports, submissions, the CanReg layout."""
