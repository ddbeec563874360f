module warm

go 1.23
