"""What pages for people are made of: markup, drawings, one ladder, one frame. For the lab and the analyzer alike.

page            the frame: one self-contained file, for light and dark and paper (``page.html``, ``page.css``).
markup, svg     elements of HTML and SVG; text is escaped there and nowhere else.
ladder          the rows of a conversation between two ends, with or without a box between; ladder_drawing draws it.
wording         times and counts as people say them.

Pure: nothing is read but the two files of the frame, and the same input gives the same page, octet for octet.
"""
