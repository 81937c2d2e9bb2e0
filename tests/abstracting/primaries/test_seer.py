"""The SEER rules on pairs of our own: each line two tumors, and the result, group and step that the manuals give.

A tumor is site, histology/behavior, laterality, date of diagnosis as far as known.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from abstracting.primaries.engine import Step, compute_primaries
from abstracting.primaries.rules import INVALID, MULTIPLE, QUESTIONABLE, SINGLE

Reader = Callable[[str], dict[str, str]]

PAIRS = {
    "hemato_2000_and_earlier": """
        C779 9590/3 - 1998      | C779 9590/3 - 1999      | single   |
        C779 9590/3 - 19980101  | C779 9650/3 - 19990101  | single   |
        C779 9590/3 - 1998      | C779 9650/3 - 1998      | review   |
    """,
    "hemato_2001_to_2009": """
        C421 9800/3 - 20010101  | C421 9800/3 - 20090101  | single   |
        C421 9590/3 - 2005      | C421 9591/3 - 2005      | review   |
        C421 9590/3 - 20050101  | C421 9990/3 - 20060101  | multiple |
    """,
    "hemato_2010_and_later": """
        C421 9732/3 - 2012      | C421 9732/3 - 2020      | single   | M2
        C770 9699/3 - 2012      | C169 9699/3 - 2015      | review   | M2
        C421 9861/3 - 20120101  | C499 9930/3 - 20130101  | single   | M3
        C421 9861/3 - 20130101  | C499 9930/3 - 20130120  | single   | M3
        C770 9670/3 - 20150101  | C770 9690/3 - 20150115  | multiple | M15
        C169 9591/3 - 20150101  | C168 9735/3 - 20150115  | single   | M4
        C169 9591/3 - 20150101  | C168 9735/3 - 20150215  | single   | M15
        C770 9651/3 - 20150101  | C169 9680/3 - 20150101  | multiple | M6
        C772 9971/3 - 20150101  | C169 9680/3 - 20150101  | review   | M14
        C421 9732/3 - 20150101  | C421 9823/3 - 20180101  | multiple | M15
    """,
    "2006_and_earlier_benign_brain": """
        C711 9530/0 1 1990      | C719 9530/0 1 2005      | single   | M1
        C711 9530/0 1 1990      | C719 9530/0 9 2005      | single   | M2
        C711 9530/0 1 1990      | C700 9530/0 1 2005      | multiple | M3
        C711 9530/0 1 1990      | C711 9530/0 2 2005      | multiple | M4
        C711 9530/0 1 1990      | C711 9560/0 1 2005      | multiple | M5
    """,
    "2006_and_earlier_solid_malignant": """
        C169 8140/3 0 20030101  | C165 8144/3 0 20030201  | single   | M3
        C509 8500/3 1 20030101  | C509 8500/3 2 20030201  | multiple | M4
        C569 8441/3 1 20030101  | C569 8441/3 2 20030201  | single   | M4
        C619 8140/3 0 1999      | C619 8140/3 0 2005      | single   | M5
        C679 8120/3 0 1999      | C670 8130/3 0 2005      | single   | M5
        C169 8140/3 0 1999      | C169 8140/3 0 2005      | multiple | M5
        C169 8010/3 0 20030101  | C169 8140/3 0 20030201  | single   | M6
        C169 8070/3 0 20030101  | C169 8140/3 0 20030201  | multiple | M6
        C509 8500/3 1 20030101  | C504 8520/3 1 20030201  | single   | M6
        C509 8070/3 1 20030101  | C504 8520/3 2 20030201  | multiple | M7
        C169 8070/3 0 2000      | C169 8140/3 0 2005      | multiple | M8
        C169 8070/3 0 2000      | C539 8140/3 0 2000      | multiple | M9
        C169 8140/3 0 2000      | C539 8140/3 0 2000      | multiple | M10
        C180 8140/3 0 20030101  | C187 8140/3 0 20030101  | multiple | M10
    """,
    "mph_2007_to_2017_head_and_neck": """
        C079 8430/3 1 2010      | C079 8430/3 2 2010      | multiple | M3
        C000 8070/3 0 2010      | C004 8070/3 0 2010      | multiple | M4
        C030 8070/3 0 2010      | C031 8070/3 0 2010      | multiple | M5
        C300 8070/3 - 2010      | C301 8070/3 - 2010      | multiple | M6
        C021 8070/3 0 2010      | C069 8070/3 0 2010      | multiple | M7
        C021 8070/2 0 20100101  | C021 8070/3 0 20100401  | multiple | M8
        C021 8070/3 0 2010      | C021 8070/3 0 2016      | multiple | M9
        C021 8070/3 0 20100101  | C021 8071/3 0 20100201  | single   | M10
        C021 8070/3 0 20100101  | C021 8140/3 0 20100201  | multiple | M11
        C021 8140/3 0 20100101  | C021 8140/3 0 20100201  | single   | M12
    """,
    "mph_2007_to_2017_colon": """
        C180 8220/3 0 2010      | C187 8210/3 0 2010      | single   | M3
        C180 8140/3 0 2010      | C187 8140/3 0 2010      | multiple | M4
        C180 8140/3 0 20100101  | C180 8140/3 0 20110101  | multiple | M5
        C180 8140/3 0 201001    | C180 8210/2 0 201002    | single   | M7
        C180 8140/3 0 201001    | C180 8000/3 0 201002    | single   | M8
        C180 8263/3 0 201001    | C180 8210/3 0 201002    | single   | M7
        C180 8140/3 0 201001    | C180 8070/3 0 201002    | multiple | M10
    """,
    "mph_2007_to_2017_lung": """
        C341 8046/3 1 2010      | C341 8041/3 1 2010      | multiple | M4
        C341 8255/3 1 2010      | C341 8250/3 1 2010      | multiple | M5
        C341 8140/3 1 2010      | C341 8140/3 2 2010      | multiple | M6
        C341 8140/3 1 201001    | C341 8140/3 9 201002    | review   | M6
        C341 8140/3 1 2010      | C341 8070/3 4 2010      | multiple | M7
        C341 8140/3 1 2010      | C341 8140/3 1 2014      | multiple | M8
        C341 8046/3 1 201001    | C341 8140/3 1 201002    | single   | M10
        C341 8070/3 1 201001    | C341 8140/3 1 201002    | multiple | M11
    """,
    "mph_2007_to_2017_melanoma": """
        C443 8720/3 1 2015      | C447 8720/3 1 2015      | multiple | M3
        C445 8720/3 1 2015      | C445 8720/3 5 2015      | multiple | M4
        C445 8720/3 1 201501    | C445 8720/3 9 201501    | review   | M4
        C445 8743/3 1 2015      | C445 8721/3 1 2015      | multiple | M5
        C445 8720/2 1 20150101  | C445 8720/3 1 20150401  | multiple | M6
        C445 8720/3 1 20150101  | C445 8720/3 1 20150401  | multiple | M7
        C445 8720/3 1 20150101  | C445 8720/3 1 20150201  | single   | M8
    """,
    "mph_2007_to_2017_breast": """
        C504 8500/3 1 2009      | C504 8500/3 1 2015      | multiple | M5
        C504 8530/3 1 2015      | C504 8530/3 2 2015      | single   | M6
        C504 8500/3 1 2015      | C504 8500/3 2 2015      | multiple | M7
        C504 8500/2 1 20150101  | C504 8500/3 1 20150401  | multiple | M8
        C504 8540/3 1 201501    | C504 8500/3 1 201502    | single   | M9
        C504 8520/3 1 201501    | C504 8500/3 1 201502    | single   | M10
        C504 8500/3 1 201501    | C504 8501/3 1 201502    | single   | M11
        C504 8500/3 1 201501    | C504 8480/3 1 201502    | multiple | M12
    """,
    "mph_2007_to_2017_kidney": """
        C649 8960/3 1 2010      | C649 8960/3 2 2015      | single   | M3
        C649 8312/3 1 2010      | C649 8312/3 2 2010      | multiple | M5
        C649 8310/3 1 201001    | C649 8260/3 1 201001    | multiple | M8
        C649 8312/3 1 201001    | C649 8317/3 1 201001    | single   | M9
    """,
    "mph_2007_to_2017_urinary": """
        C659 8120/3 1 2010      | C659 8120/3 2 2010      | multiple | M3
        C669 8120/3 1 2010      | C669 8120/3 2 2010      | multiple | M4
        C670 8120/3 0 2010      | C679 8130/3 0 2017      | single   | M6
        C659 8120/3 1 2010      | C679 8120/3 0 2015      | multiple | M7
        C659 8120/3 1 201001    | C679 8130/3 0 201002    | single   | M8
        C659 8070/3 1 201001    | C679 8070/3 0 201002    | multiple | M10
    """,
    "mph_2007_to_2017_benign_brain": """
        C711 9413/0 1 2010      | C712 9413/0 1 2010      | multiple | M4
        C711 9530/0 1 2010      | C711 9530/0 2 2010      | multiple | M5
        C715 9390/0 0 2010      | C715 9390/1 0 2012      | single   | M6
        C715 9390/1 0 2010      | C715 9390/0 0 2012      | single   | M12
        C725 9540/0 1 2010      | C725 9560/0 1 2012      | single   | M8
        C725 9540/0 1 2010      | C725 9562/0 1 2012      | multiple | M9
        C725 9540/0 1 2010      | C725 9530/0 1 2012      | multiple | M10
    """,
    "mph_2007_to_2017_malignant_brain": """
        C711 9400/3 0 2010      | C725 9400/3 0 2010      | multiple | M5
        C711 9400/3 0 2010      | C711 9440/3 0 2012      | single   | M6
        C711 9400/3 0 2010      | C711 9401/3 0 2012      | single   | M7
        C711 9400/3 0 2010      | C711 9450/3 0 2012      | multiple | M8
        C711 9400/3 0 2010      | C711 8000/3 0 2012      | multiple | M9
    """,
    "mph_2007_to_2022_other_sites": """
        C619 8140/3 0 2010      | C619 8140/3 0 2022      | single   | M3
        C692 9510/3 1 2010      | C692 9511/3 2 2012      | single   | M4
        C443 9140/3 1 2010      | C779 9140/3 0 2022      | single   | M5
        C739 8330/3 0 20200101  | C739 8260/3 0 20200201  | single   | M6
        C569 8441/3 1 20200101  | C569 8460/3 2 20200201  | single   | M7
        C629 9061/3 1 2020      | C629 9061/3 2 2020      | multiple | M8
        C209 8220/3 0 2015      | C209 8210/3 0 2015      | single   | M9
        C619 8070/3 0 2018      | C619 8070/3 0 2021      | multiple | M10
        C169 8140/3 0 2020      | C259 8140/3 0 2020      | multiple | M11
        C493 8890/3 0 202001    | C494 8890/3 0 202001    | multiple | M12
        C169 8000/3 0 202001    | C169 8140/3 0 202001    | single   | M16
        C169 8070/3 0 202001    | C169 8140/3 0 202001    | multiple | M17
        C169 8144/3 0 202001    | C169 8145/3 0 202001    | single   | M18
    """,
    "str_2018_and_later_breast": """
        C504 8500/3 1 2012      | C504 8500/3 1 2020      | multiple | M5
        C504 8530/3 1 2020      | C509 8530/3 2 2020      | single   | M6
        C504 8500/3 1 2020      | C504 8500/3 2 2020      | multiple | M7
        C504 8500/3 1 202001    | C504 8500/3 9 202001    | review   | M7
        C504 8522/3 1 20200101  | C504 8500/3 1 20200301  | single   | M10
        C504 8500/3 1 20200101  | C504 8522/3 1 20200301  | multiple | M13
        C504 8480/3 1 2020      | C504 8211/3 1 2020      | multiple | M13
        C504 8500/3 1 20200101  | C504 8500/2 1 20200201  | single   | M12
        C504 8500/3 1 2020      | C504 8520/3 1 2020      | multiple | M13
        C504 8500/3 1 2020      | C504 8140/3 1 2020      | review   | M13
        C504 8500/3 1 20200101  | C504 8500/2 1 20200601  | single   | M14
        C504 8500/2 1 20200101  | C504 8500/3 1 20200601  | multiple | M16
        C504 8500/3 1 20200101  | C504 8500/3 1 20200601  | single   | M17
    """,
    "str_2018_and_later_colon": """
        C180 8220/3 0 2020      | C187 8220/3 0 2020      | single   | M3
        C187 8140/3 0 2020      | C209 8140/3 0 2020      | multiple | M4
        C187 8480/3 0 2020      | C187 8490/3 0 2020      | multiple | M5
        C187 8210/3 0 2020      | C187 8070/3 0 2020      | review   | M6
        C180 8140/3 0 2020      | C187 8480/3 0 2020      | multiple | M9
        C189 8140/3 0 202001    | C187 8480/3 0 202001    | review   | M9
        C187 8140/3 0 20200101  | C187 8140/3 0 20210201  | multiple | M10
        C187 8140/3 0 20200101  | C187 8480/3 0 20200201  | single   | M11
        C187 8140/3 0 20200101  | C187 8140/2 0 20200601  | single   | M12
        C187 8140/2 0 20200101  | C187 8140/3 0 20200601  | multiple | M14
        C187 8140/3 0 20200101  | C187 8140/3 0 20200601  | single   | M15
    """,
    "str_2018_and_later_head_and_neck": """
        C050 8070/3 0 2020      | C052 8070/3 0 2020      | multiple | M3
        C320 8070/3 0 2020      | C321 8070/3 0 2020      | multiple | M3
        C021 8070/3 0 2020      | C069 8070/3 0 2020      | multiple | M4
        C079 8140/3 1 2020      | C079 8140/3 2 2020      | multiple | M5
        C021 8070/3 0 2014      | C021 8070/3 0 2020      | multiple | M6
        C000 8070/3 0 2020      | C003 8070/3 0 2020      | review   | M7
        C021 8071/3 0 2020      | C021 8072/3 0 2020      | multiple | M7
        C021 8430/3 0 2020      | C021 8720/3 0 2020      | multiple | M8
        C021 8070/3 0 20200101  | C021 8070/2 0 20200601  | single   | M9
        C021 8070/2 0 20200101  | C021 8070/3 0 20200201  | single   | M10
        C021 8070/2 0 20200101  | C021 8070/3 0 20200601  | multiple | M11
        C021 8070/3 0 20200101  | C021 8071/3 0 20210601  | single   | M12
        C755 8693/3 - 2020      | C754 8693/3 - 2020      | multiple | M3
    """,
    "str_2018_and_later_kidney": """
        C649 8960/3 1 2020      | C649 8960/3 2 2022      | single   | M4
        C649 8312/3 1 2020      | C649 8312/3 2 2020      | multiple | M5
        C649 8312/3 1 2018      | C649 8312/3 1 2022      | multiple | M6
        C649 8310/3 1 202001    | C649 8260/3 1 202001    | multiple | M7
        C649 8312/3 1 202001    | C649 8310/3 1 202002    | single   | M8
        C649 8311/3 1 202001    | C649 8311/3 1 202002    | review   | M8
        C649 8312/3 1 202001    | C649 8510/3 1 202012    | multiple | M9
        C649 8312/3 1 20200101  | C649 8312/3 1 20210101  | single   | M13
    """,
    "str_2018_and_later_lung": """
        C341 8140/3 1 2016      | C341 8140/3 1 2020      | multiple | M4
        C341 8041/3 1 2020      | C341 8140/3 1 2020      | multiple | M5
        C341 8480/3 1 2020      | C341 8230/3 1 2020      | multiple | M6
        C341 8140/3 1 202001    | C342 8480/3 1 202002    | single   | M7
        C341 8140/3 1 202001    | C342 8010/3 1 202002    | review   | M7
        C341 8140/3 1 202001    | C342 8070/3 1 202002    | multiple | M8
        C341 8140/3 1 202001    | C342 8140/3 4 202002    | single   | M9
        C341 8140/3 1 202001    | C342 8140/3 2 202002    | review   | M9
        C341 8140/3 1 20200101  | C342 8140/2 1 20201001  | single   | M10
        C341 8140/3 1 20200101  | C342 8140/3 2 20201001  | multiple | M11
        C341 8140/2 1 20200101  | C342 8140/3 1 20201001  | multiple | M13
        C341 8140/3 1 20200101  | C342 8140/3 1 20201001  | single   | M14
    """,
    "str_2018_and_later_malignant_cns": """
        C711 9400/3 0 20200101  | C711 9440/3 0 20210101  | multiple | M7
        C711 9440/3 0 20200101  | C716 9440/3 0 20210101  | single   | M8
        C711 9440/3 0 2020      | C720 9400/3 0 2020      | multiple | M9
        C711 9401/3 0 2020      | C711 9411/3 0 2020      | multiple | M10
        C711 9380/3 0 2020      | C711 9450/3 0 2020      | single   | M11
        C711 9400/3 0 2020      | C711 9401/3 0 2020      | single   | M12
        C711 9400/3 0 2020      | C711 9450/3 0 2020      | multiple | M13
        C711 8000/3 0 2020      | C711 9450/3 0 2020      | review   | M13
    """,
    "str_2018_and_later_non_malignant_cns": """
        C725 9560/0 1 2020      | C725 9560/0 2 2022      | single   | M7
        C711 9530/0 1 2020      | C700 9530/0 1 2020      | multiple | M8
        C700 9531/0 1 2020      | C700 9532/0 1 2020      | multiple | M9
        C700 9530/0 1 2020      | C700 9530/0 2 2022      | single   | M10
        C711 9161/1 1 2020      | C716 9161/1 2 2022      | single   | M11
        C711 9413/0 1 2020      | C716 9413/0 2 2022      | review   | M11
        C751 9350/1 0 2020      | C751 9351/1 0 2022      | single   | M12
        C711 9505/1 1 2020      | C711 9506/1 1 2022      | multiple | M14
    """,
    "str_2018_and_later_urinary": """
        C659 8120/3 1 2020      | C659 8120/3 2 2020      | multiple | M3
        C669 8120/3 1 2020      | C669 8120/3 2 2020      | multiple | M4
        C679 8120/2 0 202001    | C669 8120/2 1 202002    | single   | M5
        C679 8120/2 0 20200101  | C679 8120/3 0 20200601  | multiple | M6
        C679 8120/2 0 20200101  | C678 8130/2 0 20240101  | single   | M7
        C679 8131/3 0 20200101  | C659 8120/3 1 20200601  | multiple | M8
        C679 8120/3 0 20200101  | C678 8130/3 0 20240101  | single   | M9
        C679 8120/3 0 20180101  | C659 8130/3 1 20240101  | multiple | M10
        C679 8120/3 0 20200101  | C659 8130/3 1 20210101  | single   | M11
        C679 8010/3 0 202001    | C679 8070/3 0 202001    | review   | M13
        C679 8120/3 0 20180101  | C679 8120/2 0 20240101  | single   | M16
    """,
    "str_2021_and_later_cutaneous_melanoma": """
        C443 8720/3 1 2022      | C447 8720/3 1 2022      | multiple | M3
        C449 8720/3 9 202201    | C447 8720/3 1 202201    | review   | M3
        C447 8720/3 1 2022      | C447 8720/3 2 2022      | multiple | M4
        C447 8743/3 1 2022      | C447 8721/3 1 2022      | multiple | M5
        C447 8720/3 1 202201    | C447 8743/3 1 202202    | single   | M6
        C447 8720/3 1 202201    | C447 8743/3 9 202202    | review   | M6
        C447 8720/3 1 20220101  | C447 8743/3 1 20220601  | multiple | M7
    """,
    "str_2023_and_later_other_sites": """
        C619 8140/3 0 2020      | C619 8500/3 0 2024      | single   | M3
        C619 8140/3 0 20200101  | C619 8041/3 0 20240101  | multiple | M4
        C692 9510/3 1 2022      | C692 9511/3 2 2024      | single   | M5
        C443 9140/3 1 2020      | C779 9140/3 0 2024      | single   | M6
        C739 8330/3 0 20240101  | C739 8260/3 0 20240201  | single   | M7
        C739 8330/3 0 20240101  | C739 8021/3 0 20240201  | multiple | M8
        C569 8441/3 1 20240101  | C569 8441/3 2 20240201  | single   | M9
        C629 9061/3 1 2024      | C629 9061/3 2 2024      | multiple | M10
        C413 9180/3 1 20240101  | C413 9180/3 2 20240101  | single   | M18
        C170 8220/3 0 2024      | C171 8210/3 0 2024      | single   | M11
        C541 8380/3 0 20220101  | C541 8380/3 0 20240101  | multiple | M12
        C541 8380/3 0 2024      | C569 8380/3 0 2024      | multiple | M13
        C493 8890/3 0 202401    | C494 8890/3 0 202401    | multiple | M14
        C541 8380/3 0 202401    | C541 8441/3 0 202401    | multiple | M19
        C541 8380/3 0 202401    | C541 8260/3 0 202401    | review   | M19
    """,
}

RESULTS = {"single": SINGLE, "multiple": MULTIPLE, "review": QUESTIONABLE}


def lines() -> list[tuple[str, str, str, str, str]]:
    found = []
    for group, text in PAIRS.items():
        for line in text.strip().splitlines():
            first, second, result, step = (part.strip() for part in line.split("|"))
            found.append((group, first, second, RESULTS[result], step))
    return found


@pytest.mark.parametrize(("group", "first", "second", "result", "step"), lines())
def test_pair(group: str, first: str, second: str, result: str, step: str, read_input: Reader) -> None:
    verdict = compute_primaries(read_input(first), read_input(second), current_year=2026)
    assert (verdict.result, verdict.group_id, verdict.rule) == (result, group, step)


def test_every_group_has_pairs(steps: dict[str, tuple[str, ...]]) -> None:
    assert set(PAIRS) == set(steps)


@pytest.mark.parametrize(
    ("first", "second", "result", "says"),
    [
        ("C809 8000/3 0 2020", "C509 8500/3 1 2020", INVALID, "first tumor has no valid primary site"),
        ("C509 8500/3 1 2020", "C509 7999/3 1 2020", INVALID, "second tumor has no valid histology"),
        ("C509 8500/9 1 2020", "C509 8500/3 1 2020", INVALID, "behavior"),
        ("C509 8500/3 1 2027", "C509 8500/3 1 2020", INVALID, "year of diagnosis"),
        ("C509 8500/3 1 9999", "C509 8500/3 1 2020", INVALID, "year of diagnosis"),
        ("c509 8500/3 1 2020", "C509 8500/3 1 2020", INVALID, "primary site"),
        ("C509 8500/3 1 2020", "C341 8140/3 1 2020", MULTIPLE, "two different groups"),
        ("C509 8500/0 1 2020", "C509 8500/3 1 2020", QUESTIONABLE, "No rules are for C509, 8500/0"),
        ("C509 8500/0 1 20200105", "C509 8500/0 1 20200105", SINGLE, "the same of site"),
        ("C509 8500/0 1 202001", "C509 8500/0 1 202001", QUESTIONABLE, "No rules"),
        ("C509 8500/0 - 20200105", "C509 8500/0 - 20200105", QUESTIONABLE, "No rules"),
    ],
)
def test_before_any_rule(first: str, second: str, result: str, says: str, read_input: Reader) -> None:
    verdict = compute_primaries(read_input(first), read_input(second), current_year=2026)
    assert (verdict.result, verdict.group_id, verdict.rule, verdict.applied_rules) == (result, None, None, ())
    assert says in verdict.reason


def test_a_potential_result_stands_when_a_later_rule_says_the_same(read_input: Reader) -> None:
    # the side of one breast is not known, yet the histologies are on different rows
    verdict = compute_primaries(read_input("C504 8500/3 1 2020"), read_input("C504 8520/3 9 2020"))
    assert (verdict.result, verdict.rule) == (MULTIPLE, "M13")
    assert verdict.applied_rules == ("M4", "M5", "M6", "M7", "M10", "M11", "M12", "M13")
    assert Step("M7", MULTIPLE, potential=True) in verdict.steps


def test_a_questionable_pair_names_the_rule_and_what_is_missing(read_input: Reader) -> None:
    verdict = compute_primaries(read_input("C504 8500/3 1 202001"), read_input("C504 8500/3 9 202001"))
    assert (verdict.result, verdict.rule, verdict.applied_rules) == (QUESTIONABLE, "M7", ("M4", "M5", "M6", "M7"))
    assert verdict.reason == "Rule M7 cannot be settled: laterality not known well enough."
    assert verdict.steps[-1] == Step("M12", SINGLE)  # the rule that says otherwise
    (fact,) = verdict.facts
    assert (fact.test, fact.truth, fact.first, fact.second) == ("opposite_sides", None, "1", "9")


def test_facts_are_what_made_the_rule_speak(read_input: Reader) -> None:
    verdict = compute_primaries(read_input("C504 8500/2 1 20200101"), read_input("C504 8500/3 1 20200601"))
    assert verdict.rule == "M16"
    assert [(fact.test, fact.truth, fact.first, fact.second) for fact in verdict.facts] == [
        ("behaviors(2, 3)", True, "2", "3"),
        ("later_behaves(3)", True, "20200101 2", "20200601 3"),
        ("days_apart(60)", True, "20200101", "20200601"),
    ]
