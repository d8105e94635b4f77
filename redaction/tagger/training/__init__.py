"""How the model of the tagger is made. Nothing here is imported at run time."""
