//! The interface to the host, generated from `wit/handler.wit`.

wit_bindgen::generate!({
    path: "../wit",
    world: "handler",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "capstan_sdk::wit",
});
