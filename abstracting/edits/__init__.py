"""The edit engine: rules as data, evaluation of one record or of a whole file, overrides.

    from abstracting.edits.engine import edit_set
    edits = edit_set("all")                                  # compiled once, then shared
    edits.check_record({400: "C619", 220: "2", ...})          # [EditResult]: what fails
    edits.check_record(record, changed=[400])                 # only the edits that read item 400
    edits.check_patient([first, second])                      # with the edits between the tumors of a patient
    from abstracting.edits.batch import check_frame
    check_frame(frame)                                        # one row a tumor, item numbers as columns

Rules stand in `data/rules/*.toml`; their language is described in `language.py`, what they can read in
`data/terms.csv`, their named predicates in `predicates.py`. A record passes "OncoRegistry checks": these are not the
NAACCR edit metafile.
"""
