//! The ends of the road.
