//! Misuses do not compile, and what the compiler says of them names the place and what to write instead.
//!
//! Where the words of rustc itself change, `TRYBUILD=overwrite cargo test -p vulkio-misuses` writes them anew; look at the
//! difference.

#[test]
fn each_misuse_is_refused_where_it_is_written_and_told_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
