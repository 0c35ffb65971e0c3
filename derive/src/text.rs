//! Tokens as a person writes them, for metadata and messages.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens with spaces where rustfmt puts them.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut after_word = false;
    for token in tokens {
        let is_word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        let is_as = matches!(&token, TokenTree::Ident(word) if word == "as");
        if is_word && after_word || is_as {
            text.push(' ');
        }
        after_word = is_word;
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
                after_word = true;
            }
            TokenTree::Punct(punct) => match (punct.as_char(), punct.spacing()) {
                (sign @ (',' | ';'), _) => {
                    text.push(sign);
                    text.push(' ');
                }
                (sign @ ('=' | '+'), Spacing::Alone) if !text.ends_with(['=', '<', '>', '!']) => {
                    text.push(' ');
                    text.push(sign);
                    text.push(' ');
                }
                (sign, _) => text.push(sign),
            },
            word => text.push_str(&word.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::text;

    #[test]
    fn types_and_attributes_read_as_they_are_written() {
        assert_eq!(text(&quote!(GpuBuffer<Vertex>)), "GpuBuffer<Vertex>");
        assert_eq!(text(&quote!(Option<vulkio::GpuBuffer<[f32; 3]>>)), "Option<vulkio::GpuBuffer<[f32; 3]>>");
        assert_eq!(text(&quote!(GpuBuffer<Pair<A, B>> as copy = "left")), "GpuBuffer<Pair<A, B>> as copy = \"left\"");
        assert_eq!(text(&quote!(#[writes(clear = [0.0, 1.0])])), "#[writes(clear = [0.0, 1.0])]");
    }
}
