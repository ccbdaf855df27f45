"""参保关系 and 申报工资: who is insured through whom, in which types, from when to when, at which declared wage."""
