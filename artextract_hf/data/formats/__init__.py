"""The formats of pictures: their structure, checked before anything is decoded, and embedded colour profiles."""
