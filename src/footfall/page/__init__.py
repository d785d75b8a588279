"""The page of `footfall serve`: questions and the ledger as server-rendered HTML. It reads, and changes nothing.

A request passes `guard`, `app` finds its screen, `options` reads its address, the screen asks all its questions in one
snapshot, and `streaming` sends each section as soon as it is answered.
"""
