"""Load one file by several processes: plan its ranges, stage each anywhere, take all of them in one transaction."""
