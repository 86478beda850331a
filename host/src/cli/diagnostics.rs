//! Complaints as a compiler shows them.
