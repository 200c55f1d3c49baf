"""The library, `import toolkit as tk`: its public names, imported when first used; never any work at import."""
