module codebeaker/agent

go 1.24
