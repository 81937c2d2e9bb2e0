"""The NAACCR data standard: items of every version, XML, flat and CSV files, conversion between versions.

Items are known by their number; ids belong to one version and exist at the border only. What others call:

    from abstracting.naaccr.items import dictionary, codes, analysis_column, birth_surname
    dictionary(250).by_number(400)          # Item(number=400, id="primarySite", level="Tumor", length=4, ...) or None
    dictionary(250).by_id("primarySite")    # the same
    dictionary(250).items(level="Tumor", record_type="I")
    codes(220, 250)                         # {"1": "Male", ...}; {} where the item has no list

    from abstracting.naaccr.reader import read_any, read_xml
    from abstracting.naaccr.options import ReadOptions
    reading = read_any("cases.xml.gz")      # XML, flat v14 to v18 or CSV, gzip or not; constant memory
    reading.root.version, reading.root.record_type, reading.root.items
    for patient in reading:                 # Patient(items={20: "00000001"}, tumors=[Tumor(items={400: "C509"})], ...)
        patient.findings                    # what is wrong in it: Finding(code, level, line, item, number, ...)

    from abstracting.naaccr.writer import write_xml, new_root
    from abstracting.naaccr.records import Patient, Tumor
    write_xml("out.xml.gz", new_root(250, "A"), patients)   # whole or not at all; raises `naaccr-write`

    from abstracting.naaccr.validate import validate        # a Report for a whole file, on two cores
    from abstracting.naaccr.convert import convert_patient, Conversion
    from abstracting.naaccr.record import RecordView        # one mapping over a patient and one tumor

Errors are `UnreadableError` (an `AbstractingError`) with a code of `abstracting.errors.CODES` and the line.
"""
