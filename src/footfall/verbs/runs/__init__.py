"""Load one file by many: plan its ranges, stage each of them anywhere, take them all in one transaction."""
