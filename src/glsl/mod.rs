//! Shaders compiled at run time, and again when their files change.
