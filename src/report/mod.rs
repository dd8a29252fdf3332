//! What people and CI systems get to see. Fed by events alone.
