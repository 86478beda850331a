/// Makes an [`Error`](crate::Error) of a message, formatted like that of [`format!`].
///
/// ```
/// let error = stillbox_sdk::error!("{} is too long", "abc").hint("shorten it");
/// assert_eq!(error.to_string(), "abc is too long");
/// ```
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => {
        $crate::Error::new(::std::format_args!($($message)+))
    };
}

/// Returns an [`Error`](crate::Error) made of a message.
///
/// ```
/// fn refuse() -> stillbox_sdk::Result<()> {
///     stillbox_sdk::bail!("not today")
/// }
///
/// assert_eq!(refuse().unwrap_err().to_string(), "not today");
/// ```
#[macro_export]
macro_rules! bail {
    ($($message:tt)+) => {
        return ::std::result::Result::Err($crate::error!($($message)+))
    };
}

/// Returns an [`Error`](crate::Error) unless a condition holds.
///
/// ```
/// fn check(age: i64) -> stillbox_sdk::Result<()> {
///     stillbox_sdk::ensure!(age >= 0, "an age of {age} is none");
///     Ok(())
/// }
///
/// assert!(check(1).is_ok());
/// assert_eq!(check(-1).unwrap_err().to_string(), "an age of -1 is none");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            $crate::bail!($($message)+);
        }
    };
}
