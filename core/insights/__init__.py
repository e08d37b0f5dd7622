"""How published posts did, and what follows from it. The rooms, each importing only from those below it:

learning | virality           a day's report and its rules | what a planned post will do
findings | posting | costs    differences between posts that are real | when to post | what all this costs
metrics                       the store: journal, tables, imports, links, erasing
intake | reports              files and rows understood or refused | reports as they are kept
ages | zones                  numbers of posts of unequal age | clocks of audiences
posts | platforms             posts as columns | the one name of a platform
"""
