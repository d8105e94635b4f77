"""Facts about a person that the law protects specially. Pure rules over text; they know no Presidio."""
