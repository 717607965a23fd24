// Command agentdoc writes the part of docs/agents.md that says which table
// carries what between the agents: a picture and a table, made of what the code
// declares. Without flags it rewrites the page; with -check it fails when the page
// differs, and says where.
//
// It reads agents/topics (the tables), agents/types (what each carries) and the
// package of each agent (which tables it refers to: its own it publishes, those of
// others it reads). Tests do not count. It must not know any table; of the agents
// it knows observer.
//
// Start reading at declared.go: load fills it, page.go writes it down.
package main
