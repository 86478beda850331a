//! Running a whole step natively, in unit tests.
