use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, LitStr, Path, Result, Token, Type};

use crate::attributes::{collect, description, named_fields};
use crate::columns::{is_option, option};
use crate::names::{kebab, kebab_variant};

/// Implements `ParameterValue`, and `Parameters` for a struct.
pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "`#[derive(Parameters)]` takes no generics: parameters own their values",
        ));
    }
    match &item.data {
        Data::Enum(data) => expand_enum(&item.ident, data),
        _ => expand_struct(item),
    }
}

/// A field that declares a parameter.
struct Parameter<'a> {
    ident: &'a Ident,
    ty: &'a Type,
    key: String,
    description: String,
    default: Option<TokenStream>,
    min: Option<Expr>,
    max: Option<Expr>,
}

fn parameter(field: &Field) -> Result<Parameter<'_>> {
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a parameter needs a name"))?;
    let mut parameter = Parameter {
        ident,
        ty: &field.ty,
        key: kebab(ident),
        description: description(&field.attrs),
        default: None,
        min: None,
        max: None,
    };
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("parameter")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("default") {
                if is_option(&field.ty) {
                    return Err(meta.error("an `Option` is `None` by default: drop `default`, or drop the `Option`"));
                }
                parameter.default = Some(if meta.input.peek(Token![=]) {
                    default(&meta.value()?.parse()?)
                } else {
                    quote_spanned!(meta.path.span()=> ::core::default::Default::default())
                });
                Ok(())
            } else if meta.path.is_ident("min") {
                parameter.min = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("max") {
                parameter.max = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("name") {
                parameter.key = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            } else {
                Err(meta.error(
                    "unknown setting of a parameter: write `default`, `default = ...`, `min = ...`, `max = ...` or `name = \"...\"`",
                ))
            }
        })?;
    }
    Ok(parameter)
}

/// Generates the expression of a default. String literals are converted to the type of the field.
fn default(expression: &Expr) -> TokenStream {
    if let Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) = expression {
        quote_spanned!(expression.span()=> ::core::convert::From::from(#expression))
    } else {
        quote!(#expression)
    }
}

/// The functions in the attribute on the struct.
#[derive(Default)]
struct Functions {
    check: Option<Path>,
    inputs: Option<Path>,
    outputs: Option<Path>,
}

fn functions(item: &DeriveInput) -> Result<Functions> {
    let mut functions = Functions::default();
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("parameters")) {
        attribute.parse_nested_meta(|meta| {
            let function = if meta.path.is_ident("check") {
                &mut functions.check
            } else if meta.path.is_ident("inputs") {
                &mut functions.inputs
            } else if meta.path.is_ident("outputs") {
                &mut functions.outputs
            } else {
                return Err(meta.error(
                    "unknown setting of parameters: write `check = FUNCTION`, a `fn(&Self) -> Result<()>`, or \
                     `inputs = FUNCTION` or `outputs = FUNCTION`, a `fn(&Self) -> Vec<Field>`",
                ));
            };
            *function = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(functions)
}

/// Generates a method that calls the function for the input or output columns.
fn any_columns(method: &str, constant: &str, function: Option<&Path>) -> Option<TokenStream> {
    let (method, constant) = (format_ident!("{method}"), format_ident!("{constant}"));
    function.map(|function| {
        quote_spanned! {function.span()=>
            const #constant: bool = true;

            fn #method(&self) -> ::std::vec::Vec<::stillbox_sdk::contract::Field> {
                #function(self)
            }
        }
    })
}

impl Parameter<'_> {
    fn bounds(&self) -> Option<(TokenStream, TokenStream)> {
        let any = self.min.is_some() || self.max.is_some();
        any.then(|| (option(self.min.as_ref()), option(self.max.as_ref())))
    }

    /// Generates code that reads the parameter into a variable of the same name.
    fn read(&self) -> TokenStream {
        let Self { ident, ty, key, .. } = self;
        let read = if let Some(default) = &self.default {
            quote_spanned!(ty.span()=> __object.or_default::<#ty>(#key, || #default, __problems))
        } else {
            quote_spanned!(ty.span()=> __object.required::<#ty>(#key, __problems))
        };
        let check = self.bounds().map(|(min, max)| {
            quote_spanned! {ty.span()=>
                if let ::core::option::Option::Some(__value) = &#ident {
                    <#ty as ::stillbox_sdk::parameters::Bounded>::check(__value, &__object.path(#key), #min, #max, __problems);
                }
            }
        });
        quote!(let #ident = #read; #check)
    }

    /// Generates the parameter's schema.
    fn property(&self) -> TokenStream {
        let Self { ty, key, description, .. } = self;
        let bounds = if let Some((min, max)) = self.bounds() {
            quote_spanned! {ty.span()=>
                ::stillbox_sdk::parameters::Bounds::new::<<#ty as ::stillbox_sdk::parameters::Bounded>::Number>(#min.as_ref(), #max.as_ref())
            }
        } else {
            quote!(::stillbox_sdk::parameters::Bounds::NONE)
        };
        let default = option(self.default.as_ref().map(|default| quote!(&#default)).as_ref());
        quote_spanned! {ty.span()=>
            ::stillbox_sdk::parameters::Property::new::<#ty>(#key, #description, &#bounds, #default)
        }
    }
}

fn expand_struct(item: &DeriveInput) -> Result<TokenStream> {
    let mut errors = None;
    let mut parameters = Vec::new();
    for field in named_fields(item, "Parameters")? {
        match parameter(field) {
            Ok(parameter) => parameters.push(parameter),
            Err(error) => collect(&mut errors, error),
        }
    }
    let functions = functions(item).unwrap_or_else(|error| {
        collect(&mut errors, error);
        Functions::default()
    });
    if let Some(errors) = errors {
        return Err(errors);
    }

    let name = &item.ident;
    let idents: Vec<_> = parameters.iter().map(|parameter| parameter.ident).collect();
    let types: Vec<_> = parameters.iter().map(|parameter| parameter.ty).collect();
    let keys: Vec<_> = parameters.iter().map(|parameter| &parameter.key).collect();
    let reads = parameters.iter().map(Parameter::read);
    let properties = parameters.iter().map(Parameter::property);
    let keys_with_types = parameters.iter().map(|Parameter { ty, key, .. }| {
        quote_spanned!(ty.span()=> (#key, <#ty as ::stillbox_sdk::parameters::ParameterValue>::IS_TEXT))
    });
    let writes = keys.iter().enumerate().zip(&idents).map(|((i, key), ident)| {
        let start = format!("{}{key:?}:", if i == 0 { "" } else { "," });
        quote! {
            out.push_str(#start);
            ::stillbox_sdk::parameters::ParameterValue::write(&self.#ident, out);
        }
    });
    let inputs = any_columns("inputs", "ANY_INPUTS", functions.inputs.as_ref());
    let outputs = any_columns("outputs", "ANY_OUTPUTS", functions.outputs.as_ref());
    let check = functions.check.map(|check| {
        quote_spanned! {check.span()=>
            fn check(&self) -> ::stillbox_sdk::Result<()> {
                #check(self)
            }
        }
    });
    Ok(quote! {
        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl ::stillbox_sdk::parameters::ParameterValue for #name {
            fn read(
                __value: &::stillbox_sdk::serde_json::Value,
                __at: &str,
                __problems: &mut ::stillbox_sdk::parameters::Problems,
            ) -> ::core::option::Option<Self> {
                let __keys = <Self as ::stillbox_sdk::parameters::Parameters>::KEYS;
                let __object = ::stillbox_sdk::parameters::Object::new(__value, __at, __keys, __problems)?;
                #(#reads)*
                let __parameters = Self { #(#idents: #idents?,)* };
                __problems.check(__at, &__parameters);
                ::core::option::Option::Some(__parameters)
            }

            fn schema(out: &mut ::std::string::String, _: &::stillbox_sdk::parameters::Bounds) {
                ::stillbox_sdk::parameters::object_schema(out, &[#(#properties),*]);
            }

            fn write(&self, out: &mut ::std::string::String) {
                out.push('{');
                #(#writes)*
                out.push('}');
            }
        }

        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl ::stillbox_sdk::parameters::Parameters for #name {
            const KEYS: &'static [(&'static str, bool)] = &[#(#keys_with_types),*];

            fn text(&self, key: &str) -> ::core::option::Option<&str> {
                match key {
                    #(#keys => <#types as ::stillbox_sdk::parameters::ParameterValue>::text(&self.#idents),)*
                    _ => ::core::option::Option::None,
                }
            }

            #check
            #inputs
            #outputs
        }
    })
}

fn expand_enum(name: &Ident, data: &DataEnum) -> Result<TokenStream> {
    let mut errors = None;
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let message = "a parameter's variants have no fields: write the name alone";
            collect(&mut errors, Error::new_spanned(&variant.fields, message));
        }
    }
    if let Some(errors) = errors {
        return Err(errors);
    }
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let names: Vec<_> = variants.iter().map(|variant| kebab_variant(variant)).collect();
    Ok(quote! {
        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl ::stillbox_sdk::parameters::ParameterValue for #name {
            fn read(
                value: &::stillbox_sdk::serde_json::Value,
                at: &str,
                problems: &mut ::stillbox_sdk::parameters::Problems,
            ) -> ::core::option::Option<Self> {
                match value.as_str() {
                    #(::core::option::Option::Some(#names) => ::core::option::Option::Some(Self::#variants),)*
                    _ => problems.unknown_name(at, &[#(#names),*], value),
                }
            }

            fn schema(out: &mut ::std::string::String, _: &::stillbox_sdk::parameters::Bounds) {
                ::stillbox_sdk::parameters::enum_schema(out, &[#(#names),*]);
            }

            fn write(&self, out: &mut ::std::string::String) {
                out.push('"');
                out.push_str(match self {
                    #(Self::#variants => #names,)*
                });
                out.push('"');
            }
        }
    })
}
