from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .comparison_report import write_comparison as write_comparison
from .duplicates import Duplicate as Duplicate
from .duplicates import find_duplicates as find_duplicates
from .duplicates import read_splits as read_splits
from .duplicates_report import count_kinds as count_kinds
from .duplicates_report import write_report as write_report
