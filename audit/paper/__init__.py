"""What goes out on paper: one content, as Markdown and as a PDF.

model.py      the content: headings, pairs, tables, passages      pure
markdown.py   as Markdown                                         pure
press.py      as a PDF: the door to typst and to the font
report.typ    how a page looks: A4, page x/y, black and white
"""
