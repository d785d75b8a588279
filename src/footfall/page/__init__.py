"""The page of `footfall serve`: questions and the ledger as server-rendered HTML. It reads, and changes nothing.

A request passes `guard`, `app` finds its screen, `filters` reads its options, a screen asks in one snapshot, and
`streaming` sends each section when its answer is there.
"""
