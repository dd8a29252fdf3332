//! The images of the engine of this machine.
