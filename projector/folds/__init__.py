"""The pure folds, one module a read model: values in, values out, no I/O and no clock."""
