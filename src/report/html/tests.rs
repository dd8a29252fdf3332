//! The page of the run that holds one of everything.
