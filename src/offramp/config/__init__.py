"""One declarative file -> typed settings: `load.load()` reads it, `model.Settings` is what comes out."""
