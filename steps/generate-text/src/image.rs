//! Media types of images.

use stillbox_sdk::{Result, bail};

/// Returns the media type of an image by its first bytes.
///
/// # Errors
/// The bytes are not an image in one of the formats that models read.
pub(crate) fn media_type(bytes: &[u8]) -> Result<&'static str> {
    Ok(match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => bail!("the {} bytes are not PNG, JPEG, GIF or WebP", bytes.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n...").unwrap(), "image/png");
        assert_eq!(media_type(b"\xff\xd8\xff\xe0").unwrap(), "image/jpeg");
        assert_eq!(media_type(b"GIF89a").unwrap(), "image/gif");
        assert_eq!(media_type(b"RIFF\x00\x00\x00\x00WEBPVP8").unwrap(), "image/webp");
        assert_eq!(media_type(b"<svg>").unwrap_err().message(), "the 5 bytes are not PNG, JPEG, GIF or WebP");
        assert!(media_type(b"").is_err());
    }
}
