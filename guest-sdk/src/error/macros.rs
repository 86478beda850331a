/// Creates an [`Error`](crate::Error) from a message with the syntax of [`format!`].
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

/// Returns from the function with an [`Error`](crate::Error) created from a message.
///
/// ```
/// fn reject() -> stillbox_sdk::Result<()> {
///     stillbox_sdk::bail!("not today")
/// }
///
/// assert_eq!(reject().unwrap_err().to_string(), "not today");
/// ```
#[macro_export]
macro_rules! bail {
    ($($message:tt)+) => {
        return ::std::result::Result::Err($crate::error!($($message)+))
    };
}

/// Returns from the function with an [`Error`](crate::Error) if a condition is false.
///
/// ```
/// fn check(age: i64) -> stillbox_sdk::Result<()> {
///     stillbox_sdk::ensure!(age >= 0, "the age {age} is negative");
///     Ok(())
/// }
///
/// assert!(check(1).is_ok());
/// assert_eq!(check(-1).unwrap_err().to_string(), "the age -1 is negative");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            $crate::bail!($($message)+);
        }
    };
}
