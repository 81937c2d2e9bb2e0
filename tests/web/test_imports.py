"""The import page: nothing is written before it was seen, every row is accounted for, what came is kept byte for byte."""

from __future__ import annotations

import csv
import gzip
import html
import io
import re
import time
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.exchange import batches
from registry.models import Abstract, ImportBatch, Patient, Tumor, now
from registry.views.imports import Limit, limits, standings

ROOT = (
    '<?xml version="1.0"?><NaaccrData baseDictionaryUri="http://naaccr.org/naaccrxml/naaccr-dictionary-250.xml" '
    'recordType="A" specificationVersion="1.7" xmlns="http://naaccr.org/naaccrxml">'
)


def patient_xml(number: str, *tumors: str, name: str = "SYNTHETIC") -> str:
    items = {"patientIdNumber": number, "nameLast": name, "sex": "2", "dateOfBirth": "19500101", "race1": "01"}
    text = "".join(f'<Item naaccrId="{key}">{value}</Item>' for key, value in items.items() if value)
    return f"<Patient>{text}{''.join(tumors)}</Patient>"


def tumor_xml(number: str = "01", facility: str = "0000010001", **more: str) -> str:
    items = {"tumorRecordNumber": number, "primarySite": "C509", "dateOfDiagnosis": "20200101", "ageAtDiagnosis": "070"}
    items |= {"reportingFacility": facility, "countyAtDx": "086", "addrAtDxState": "FL"} | more
    return "<Tumor>" + "".join(f'<Item naaccrId="{k}">{v}</Item>' for k, v in items.items() if v) + "</Tumor>"


FILE = (
    ROOT
    + patient_xml("10000001", tumor_xml(), tumor_xml("02", primarySite="C341"))
    + patient_xml("10000002", tumor_xml(ageAtDiagnosis="999"))
    + patient_xml("", tumor_xml(primarySite="C619"))
    + patient_xml("10000003", tumor_xml(primarySite="C50999"))
    + "</NaaccrData>"
).encode()


def upload(inside: Any, *files: tuple[str, bytes], **form: str) -> Any:
    """Sends files and follows the job to its end; gives the page that it leads to."""
    given = [(io.BytesIO(content), name) for name, content in files]
    answer = inside.send("/imports/", {"files": given, **form}, content_type="multipart/form-data")
    return settle(inside, answer)


def settle(inside: Any, answer: Any) -> Any:
    """Follows redirects, waiting while a job runs."""
    for _ in range(400):
        if answer.status_code == 303:
            answer = inside.get(answer.headers["Location"])
        elif "every 1s" in answer.text:
            time.sleep(0.02)
            answer = inside.get(answer.request.path)
        else:
            return answer
    raise AssertionError("the job did not end")


def balance(page: Any) -> list[int]:
    """Rows in, created, updated, unchanged, rejected as the page shows them."""
    shown = re.findall(r'class="balance-value">([\d\u202f]+)<', page.text)
    return [int(text.replace("\u202f", "")) for text in shown]


def start(inside: Any, page: Any) -> Any:
    return settle(inside, inside.send(re.search(r'action="(/imports/uploads/\w+/import)"', page.text).group(1)))


def count(app: Any, model: Any) -> int:
    with app.extensions["store"].reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_file_is_checked_before_anything_is_written(app, client):
    before = count(app, Tumor), count(app, ImportBatch)
    page = upload(client("registrar"), ("send.xml", FILE))
    assert balance(page) == [5, 4, 0, 0, 1]
    assert "no-patient-id" in page.text
    assert "Nothing was written" in page.text or "nothing was written yet" in page.text
    assert (count(app, Tumor), count(app, ImportBatch)) == before


def test_an_import_accounts_for_every_row_and_keeps_the_file(app, client):
    inside = client("registrar")
    page = start(inside, upload(inside, ("send.xml.gz", zipped := gzip.compress(FILE))))
    rows = balance(page)
    assert rows == [5, 4, 0, 0, 1]
    assert rows[0] == sum(rows[1:])
    at = page.request.path
    rejected = list(csv.reader(io.StringIO(inside.get(f"{at}/rejected.csv").text.lstrip("\ufeff"))))
    assert [row[:3] for row in rejected[1:]] == [["3", "patient", "no-patient-id"], ["4", "tumor", "no-patient-id"]]
    assert "400=C619" in rejected[2][4], "the content of the row is kept"
    notices = inside.get(f"{at}/notices.json").json["rows"]
    assert [(row["row"], row["item"]) for row in notices] == [(5, 400)]
    kept = re.search(rf'href="({at}/files/\d+)"', page.text).group(1)
    assert inside.get(kept).data == zipped
    again = upload(inside, ("send.xml.gz", zipped))
    assert balance(again) == [5, 0, 0, 4, 1]
    assert "importing would change nothing" in again.text
    assert inside.get(f"{at}.json").json["rows_in"] == 5


def test_the_limits_stand_beside_the_figures_of_the_file(client):
    page = upload(client("registrar"), ("send.xml", FILE))
    line = re.search(r"Age at diagnosis missing</th>(.*?)</tr>", page.text, re.DOTALL).group(1)
    text = re.sub(r"<[^>]+>|\s+", " ", line)
    text = html.unescape(re.sub(r"\s+", " ", text)).strip()
    assert text.startswith("1 of 4 25.00 % < 2 % not met < 3 % not met ≤ 2 % not met")


@pytest.mark.parametrize(
    ("criterion", "program", "count", "of", "met"),
    [
        ("age", "NAACCR Gold", 19, 1000, True),
        ("age", "NAACCR Gold", 20, 1000, False),
        ("age", "NPCR National", 20, 1000, True),
        ("race", "NAACCR Gold", 29, 1000, True),
        ("race", "NAACCR Silver", 50, 1000, False),
        ("dco", "NPCR National", 30, 1000, True),
        ("duplicates", "NAACCR Gold", 1, 1000, False),
        ("duplicates", "NPCR National", 1, 1000, True),
        ("duplicates", "NPCR Advanced", 3, 1000, False),
    ],
)
def test_limits(criterion: str, program: str, count: int, of: int, met: bool) -> None:
    assert limits()[criterion][program].met(count, of) is met


def test_a_criterion_without_a_limit_or_a_record_has_no_verdict() -> None:
    by_name = {line.criterion.name: line for line in standings({"tumors": 0, "incident": 10})}
    assert dict(by_name["dco"].limits)["NPCR Advanced"] is None
    assert by_name["age"].verdict(Limit("x", 2, True)) == ""
    assert by_name["dco"].verdict(Limit("x", 3, True)) == "met"


TABLE = (
    b"Chart,Sex,Topography,Dx date,Note\r\n"
    b"00000091,F,C50.9,20190304,x\r\n00000092,M,C619,20200101,y\r\n,F,C341,20210101,z\r\n"
)


def test_columns_of_a_table_are_told_on_a_page(app, client):
    inside = client("registrar")
    page = upload(inside, ("cases.csv", TABLE))
    assert page.request.path.endswith("/columns")
    assert "every row would be rejected" in page.text
    at = page.request.path
    form = {"item-0": "20", "item-1": "225", "item-2": "primarySite", "item-3": "390", "item-4": ""}
    form |= {"value-1-0": "2", "value-1-1": "1", "value-2-0": "C509", "constant-item-0": "60", "constant-value-0": "01"}
    shown = settle(inside, inside.send(at, form | {"then": "show"}))
    assert "every row would be rejected" not in shown.text
    assert "Female" in shown.text, "the meaning of the code that F becomes"
    checked = settle(inside, inside.send(at, form | {"then": "check"}))
    assert balance(checked) == [3, 2, 0, 0, 1]
    toml = inside.get(at.replace("/columns", "/map.toml")).text
    assert '"Sex" = "225"' in toml
    assert '[values."Sex"]\n"F" = "2"' in toml
    start(inside, checked)
    with app.extensions["store"].reading() as session:
        found = session.scalars(select(Tumor).where(Tumor.primary_site == "C509", Tumor.diagnosis_year == 2019)).all()
        people = [(tumor.patient.items.get("20"), tumor.patient.items.get("225")) for tumor in found]
    assert ("00000091", "2") in people


def test_an_unknown_item_is_named_and_nothing_typed_is_lost(client):
    inside = client("registrar")
    at = upload(inside, ("cases.csv", TABLE)).request.path
    answer = inside.send(at, {"item-0": "20", "item-1": "nonsense", "then": "check"})
    assert answer.status_code == 422
    assert "unknown items: Sex = nonsense" in answer.text
    assert 'value="nonsense"' in answer.text


PATIENTS = b"REGNO,FAMN,SEX,BIRTHD\n20100001,Opio,2,19500101\n"
TUMOURS = b"TUMOURID,PATIENTIDTUMOURTABLE,INCID,TOP,MOR,BEH,BAS\n201000010101,20100001,20109999,509,8500,3,7\n"
SOURCES = b"SOURCERECORDID,TUMOURIDSOURCETABLE,HOSP\n20100001010101,201000010101,36\n1,999,1\n"


def test_three_canreg_tables_come_in_together(client):
    inside = client("registrar")
    files = [("patient.csv", PATIENTS), ("tumour.csv", TUMOURS), ("source.csv", SOURCES)]
    page = start(inside, upload(inside, *files))
    assert balance(page) == [1, 1, 0, 0, 0]
    assert "orphan-source" in page.text
    kept = re.findall(rf'href="({page.request.path}/files/\d+)"', page.text)
    assert [inside.get(at).data for at in kept] == [PATIENTS, TUMOURS, SOURCES]
    everything = inside.get(f"{page.request.path}/notices/date-unknown-part/all.csv").text
    assert "is unknown (20109999)" in everything, "read again from the kept tables"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("cut.xml", FILE[:-200], "line"),
        ("empty.xml", b"", "the file is empty"),
        ("rubbish.xml", bytes(range(256)) * 10, "naaccr"),
        ("nothing.xml", (ROOT + "</NaaccrData>").encode(), "holds no record"),
        ("archive.zip", b"PK\x03\x04 no archive", "unpack it"),
        ("binary.csv", b"a,b\x00\x00\n1,2", "binary"),
        ("../../etc/passwd", FILE, "would be created"),
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(client, name: str, content: bytes, says: str) -> None:
    assert says in upload(client("registrar"), (name, content)).text


def test_an_import_whose_process_died_is_told_and_removed(app, client):
    store = app.extensions["store"]
    with store.writing() as session:
        dead = ImportBatch(name="dead.xml", format="naaccr-xml", process=batches.this_process() + "0", heartbeat=now())
        session.add(dead)
        session.flush()
        session.add(Patient(items={"2230": "HALF"}, batch_id=dead.id))
        number = dead.id
    inside = client("registrar")
    page = inside.get("/imports/")
    assert f"Import {number} (dead.xml)" in page.text
    assert "stopped halfway" in page.text
    told = inside.send("/imports/recover", follow_redirects=True).text
    assert f"Import {number} (dead.xml) had not ended: none of it was visible, and it was removed" in told
    assert "Nothing of this import is in the registry" in inside.get(f"/imports/{number}").text
    with store.reading() as session:
        query = select(func.count()).select_from(Patient).where(Patient.batch_id == number)
        assert session.scalar(query.execution_options(see_loading=True)) == 0


def test_an_account_bound_to_a_facility_brings_in_its_own_alone(app, client):
    content = (ROOT + patient_xml("7", tumor_xml(), tumor_xml("02", facility="0000010002")) + "</NaaccrData>").encode()
    bound = client("general")
    page = start(bound, upload(bound, ("both.xml", content)))
    assert balance(page) == [2, 1, 0, 0, 1]
    assert "other-facility" in page.text
    assert bound.get("/imports/1").status_code == 404, "the imports of others"
    other = client("registrar")
    at = upload(bound, ("both.xml", content)).request.path
    assert other.get(at).status_code == 404, "an upload is its sender's"


def test_an_upload_can_be_thrown_away(app, client):
    inside = client("registrar")
    page = upload(inside, ("send.xml", FILE))
    at = page.request.path
    assert "send.xml" in inside.get("/imports/").text
    inside.send(f"{at}/discard")
    assert inside.get(at).status_code == 404
    assert not list(app.extensions["settings"].folder("uploads").glob("*/upload.json"))


def test_a_form_sent_twice_imports_once(app, client):
    inside = client("registrar")
    page = upload(inside, ("send.xml", FILE))
    at = re.search(r'action="(/imports/uploads/\w+/import)"', page.text).group(1)
    first = settle(inside, inside.send(at))
    assert balance(first) == [5, 4, 0, 0, 1]
    assert inside.send(at).status_code == 404
    assert count(app, Abstract) == 8 + 1 or count(app, Abstract) >= 4


def test_the_pages_in_a_browser(browser_page, assert_accessible, assert_no_foreign_requests, tmp_path):
    file = tmp_path / "send.xml"
    file.write_bytes(FILE)
    table = tmp_path / "cases.csv"
    table.write_bytes(TABLE)
    page = browser_page("registrar")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/imports/")
        assert_accessible(page)
        page.set_input_files("#files", str(table))
        page.click("#import-form button[type=submit]")
        page.wait_for_url("**/columns")
        assert_accessible(page)
        page.goto("/imports/")
        page.set_input_files("#files", str(file))
        page.click("#import-form button[type=submit]")
        page.wait_for_selector("text=What would become of the rows")
        assert_accessible(page)
    page.click("text=Import now")
    page.wait_for_selector("text=Reconciliation")
    assert_accessible(page)
    page.click(".balance-bad")
    page.wait_for_selector("text=Rejected rows")
    assert_accessible(page)
    assert_no_foreign_requests(page)


def test_the_way_works_without_a_script_and_on_a_narrow_screen(browser_page, tmp_path):
    file = tmp_path / "send.xml"
    file.write_bytes(FILE)
    page = browser_page("registrar", java_script_enabled=False, viewport={"width": 360, "height": 800})
    page.goto("/imports/")
    page.set_input_files("#files", str(file))
    page.click("#import-form button[type=submit]")

    def look_again() -> None:
        for _ in range(200):
            if page.locator("noscript a").count() == 0:
                return
            page.wait_for_timeout(50)
            page.click("noscript a")

    look_again()
    page.click("text=Import now")
    look_again()
    assert page.locator("h2", has_text="Reconciliation").count() == 1, page.inner_text("main")
