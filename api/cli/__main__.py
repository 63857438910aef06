"""`python -m api.cli`: what starts processes of this very tree."""

from api.cli import main

main()
