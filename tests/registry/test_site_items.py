"""A site's own items: a user dictionary in the data folder is known to imports, editor, saves and exports alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from abstracting.errors import AbstractingError
from registry import config, items, records, schema
from registry.abstracting import layout
from registry.db import Store, open_store
from registry.exchange.export import run_export
from registry.exchange.formats import open_reader
from registry.exchange.importer import run_import
from registry.models import Abstract
from registry.views.items import choices

OWN = 10100
URI = "http://registry.example/dictionary.xml"
DICTIONARY = f"""<?xml version="1.0" encoding="UTF-8"?>
<NaaccrDictionary xmlns="http://naaccr.org/naaccrxml" dictionaryUri="{URI}" specificationVersion="1.8">
<ItemDefs><ItemDef naaccrId="pesticideExposure" naaccrNum="{OWN}" naaccrName="Pesticide Exposure" length="2"
 parentXmlElement="Tumor" recordTypes="A,M,C,I"/></ItemDefs></NaaccrDictionary>"""
DATA = f"""<?xml version="1.0" encoding="UTF-8"?>
<NaaccrData xmlns="http://naaccr.org/naaccrxml" baseDictionaryUri="http://naaccr.org/naaccrxml/naaccr-dictionary-250.xml"
 userDictionaryUri="{URI}" recordType="A" specificationVersion="1.8">
<Patient><Item naaccrId="patientIdNumber">00000001</Item><Item naaccrId="nameLast">SYNTHETIC</Item>
<Tumor><Item naaccrId="tumorRecordNumber">01</Item>
<Item naaccrId="primarySite">C509</Item><Item naaccrId="dateOfDiagnosis">20240102</Item>
<Item naaccrId="pesticideExposure">07</Item></Tumor></Patient></NaaccrData>"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Store]:
    settings = config.load(tmp_path / "home")
    schema.upgrade(Store(settings).engine)
    folder = settings.folder("dictionaries")
    (folder / "own.xml").write_text(DICTIONARY)
    store = open_store(settings)
    yield store
    store.close()
    (folder / "own.xml").unlink()
    items.load_user_dictionaries(folder)


def test_an_own_item_goes_the_whole_way(registry: Store, tmp_path: Path) -> None:
    source, target = tmp_path / "in.xml", tmp_path / "out.xml"
    source.write_text(DATA)
    dictionary = registry.settings.home / "dictionaries" / "own.xml"
    done = run_import(registry, open_reader([source], user_dictionaries=[dictionary]), name="in.xml", who="test")
    assert done.as_dict()["created"] == 1
    with registry.writing() as session:
        abstract = session.scalars(select(Abstract)).one()
        assert abstract.items[str(OWN)] == "07"
        state = next(s for s in layout.sections(records.all_items(abstract)) if s.title == "State")
        assert [(g.title, g.items) for g in state.groups if OWN in g.items] == [("Items of this registry", (OWN,))]
        assert (str(OWN), "Pesticide Exposure") in [(c.value, c.title) for c in choices()]
        records.save(session, abstract.id, {OWN: "08"}, who="test")
    run_export(registry, target, version="250", who="test")
    written = target.read_text()
    assert URI in written and '<Item naaccrId="pesticideExposure">08</Item>' in written.replace(
        f' naaccrNum="{OWN}"', ""
    )


def test_without_the_dictionary_the_item_is_unknown_again(registry: Store) -> None:
    assert items.known(OWN) is not None and items.site_items() == (OWN,)
    (registry.settings.home / "dictionaries" / "own.xml").unlink()
    open_store(registry.settings).close()
    assert items.known(OWN) is None and items.site_items() == ()
    (registry.settings.home / "dictionaries" / "own.xml").write_text(DICTIONARY)


def test_a_dictionary_that_cannot_be_read_is_told_and_changes_nothing(registry: Store) -> None:
    (registry.settings.home / "dictionaries" / "worse.xml").write_text("<NaaccrDictionary>")
    with pytest.raises(AbstractingError, match="user dictionary"):
        open_store(registry.settings)
    (registry.settings.home / "dictionaries" / "worse.xml").unlink()
    assert items.known(OWN) is not None
