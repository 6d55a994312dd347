"""The commands as they are typed: their arguments, their options, and the help for each."""
