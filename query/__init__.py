"""Rankings over HTTP and the web page.

May import: protocol, storage, projector.folds, runtime.
"""
