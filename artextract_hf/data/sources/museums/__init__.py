"""Museums by name: their public interfaces answer with works, and the works become records.

`query.py` is what is asked, `client.py` how, `work.py` what a museum says of one work. Each museum is one file.
"""
