"""Times `naaccr validate` against lxml.iterparse that builds a dictionary per patient and validates nothing.

    python benchmarks/bench_naaccr.py [--patients 20000] [--faults]

One run makes a v25 abstract file (about 115 items a patient, 142 MB at 20,000), then times each contender in a process of
its own and prints processor seconds, wall seconds, peak memory and the ratio of processor time. The target is 1.5 times
lxml with full validation. `--faults` plants one fault in every patient.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from abstracting.naaccr.items import Item, codes, dictionary
from abstracting.naaccr.records import Patient, Tumor
from abstracting.naaccr.writer import new_root, write_xml

TUMOR_ITEMS, PATIENT_ITEMS = 92, 22

LXML = """
import sys
from lxml import etree
patients = 0
for _, element in etree.iterparse(sys.argv[1], tag="{http://naaccr.org/naaccrxml}Patient"):
    patient = {"items": {}, "tumors": []}
    for child in element:
        if child.tag.endswith("}Item"):
            patient["items"][child.get("naaccrId")] = child.text
        else:
            patient["tumors"].append({item.get("naaccrId"): item.text for item in child})
    patients += 1
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
print(patients)
"""

OURS = """
import sys
from abstracting.naaccr.validate import validate
report = validate(sys.argv[1], jobs=int(sys.argv[2]))
print(report.patients, report.counts.total())
"""

READ = """
import sys
from abstracting.naaccr.reader import read_xml
print(sum(1 for patient in read_xml(sys.argv[1])))
"""


def draw(item: Item, random_: random.Random) -> str:
    """Gives a value that the item can have: one of its codes where it has a list, else one of its type."""
    known = [code for code in codes(item.number, 250) if code]
    if known and item.number != 1910:
        return random_.choice(known)
    digits = "".join(random_.choices("0123456789", k=item.length))
    if item.type == "date":
        return f"{random_.randint(1950, 2024)}{random_.randint(1, 12):02d}{random_.randint(1, 28):02d}"
    if item.type == "digits":
        return digits
    if item.type in ("alpha", "mixed"):
        return "".join(random_.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=item.length))
    if item.type == "numeric":
        return digits[:3]
    if item.type == "dateTime":
        return f"{random_.randint(2018, 2024)}-05-17"
    words = " ".join(
        random_.choices(["mass", "left", "biopsy", "no", "seen", "margin", "node", "fibrous", "1 cm"], k=60)
    )
    return words[: min(item.length, 60 if item.length < 1000 else 300)].strip()


def make_file(path: Path, patients: int, *, faults: bool) -> None:
    random_ = random.Random(25)
    known = dictionary(250)
    own = [item for item in known.items(level="Patient") if item.number != 20][:PATIENT_ITEMS]
    texts = [known.by_number(number) for number in (2520, 2560, 2570, 2600, 2610, 2680)]
    others = [item for item in known.items(level="Tumor") if item.length < 1000 and item.number != 390]
    tumor_items = random_.sample(others, TUMOR_ITEMS - len(texts)) + [item for item in texts if item]

    def all_patients() -> object:
        for index in range(patients):
            patient = Patient(items={20: f"{index:08d}"})
            patient.items.update((item.number, draw(item, random_)) for item in own)
            tumor = Tumor({item.number: draw(item, random_) for item in tumor_items})
            tumor.items[390] = "20230230" if faults else "20230228"
            patient.tumors.append(tumor)
            yield patient

    write_xml(path, new_root(250, "A"), all_patients())  # type: ignore[arg-type]


def measure(code: str, *arguments: str) -> tuple[float, float, float, str]:
    """Gives (processor seconds, wall seconds, peak MB of the largest process, output) of a program of its own."""
    script = (
        "import resource as r,sys\n"
        + code
        + (
            "\ns, c = r.getrusage(r.RUSAGE_SELF), r.getrusage(r.RUSAGE_CHILDREN)\n"
            "print(s.ru_utime+s.ru_stime+c.ru_utime+c.ru_stime, max(s.ru_maxrss, c.ru_maxrss)/1024, file=sys.stderr)\n"
        )
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    wall = time.perf_counter() - started
    processor, peak = map(float, done.stderr.split())
    return processor, wall, peak, done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--faults", action="store_true", help="one fault in every patient")
    parser.add_argument("--rounds", type=int, default=1, help="the least of so many rounds is shown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.xml"
        make_file(path, options.patients, faults=options.faults)
        print(f"{options.patients:,} patients, {path.stat().st_size / 1e6:.0f} MB, {os.cpu_count()} processors")
        print(f"{'':38}{'cpu s':>8}{'wall s':>8}{'MB':>7}{'ratio':>7}")
        contenders = [
            ("lxml.iterparse, dictionaries, unchecked", LXML, ()),
            ("naaccr validate, one process", OURS, ("1",)),
            ("naaccr validate, two processes", OURS, ("2",)),
            ("read_xml, patients as dictionaries", READ, ()),
        ]
        base = 0.0
        for name, code, arguments in contenders:
            rounds = [measure(code, str(path), *arguments) for _ in range(options.rounds)]
            processor, wall, peak, _ = min(rounds)
            base = base or processor
            print(f"{name:38}{processor:>8.2f}{wall:>8.2f}{peak:>7.0f}{processor / base:>7.2f}")


if __name__ == "__main__":
    main()
