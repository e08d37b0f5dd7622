"""The store of how posts did: the journal is the truth, the tables are made from it and can be made again."""
