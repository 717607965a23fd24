// Command evemigrate helps to move agents from EVE's pubsub library to nkv:
//
//	evemigrate tables ./...   who publishes and who reads which table, and what is odd
//	evemigrate imports DIR    change the import paths to nkv's package, or back
//	evemigrate driver         write a driver that puts the library itself onto nkv
//
// Start reading at run; each command has a file of its name, and what it does a
// package below internal.
package main
