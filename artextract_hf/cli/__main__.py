"""`python -m artextract_hf.cli`: the command line without its installed script."""

from artextract_hf.cli import main

main()
