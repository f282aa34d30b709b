"""What people see of a run: report, page, ladder, timeline, story, progress, the files that it leaves behind."""
