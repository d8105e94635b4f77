"""The rules room: decides what may be sent. Pure, but for files.py, which reads YAML.

Never imports the other rooms, never sees personal text: it is asked with facts and answers with values.
"""
