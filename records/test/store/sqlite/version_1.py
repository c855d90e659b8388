# ruff: noqa: E501  rows of a database
"""The rows of a database of schema version 1, as that version of the program wrote them.

Made with the operations of that version: two people added, one of them changed, a third one added
and deleted, an SSN revealed. All of it is made up.
"""

from __future__ import annotations

ROWS = """
INSERT INTO "accounts" VALUES(1,'hr','hash of hr','hr',NULL,0,0);
INSERT INTO "sessions" VALUES(X'1B52F3A2E15148731314BF167145C54565ED2385A862B5EB7771EAF719E4F82E',1,1767225600000000,1767225600000000,'192.0.2.1');
INSERT INTO "employees" VALUES(7,2,'Jörg','Müller',NULL,'ann.ohara@example.com','+12127365000','Chief','Research',NULL,NULL,'2020-02-03',NULL,'active','1990-05-17','1 Elm Street, Springfield',NULL,NULL,NULL,'536-90-4399',700000000,'EUR','mullerjorg');
INSERT INTO "employees" VALUES(8,1,'小龙','李',NULL,'xiaolong.li@example.com',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'active',NULL,NULL,NULL,NULL,NULL,NULL,50000000,'CHF','李小龙');
INSERT INTO "employee_words" VALUES('7',7);
INSERT INTO "employee_words" VALUES('8',8);
INSERT INTO "employee_words" VALUES('ann',7);
INSERT INTO "employee_words" VALUES('chief',7);
INSERT INTO "employee_words" VALUES('com',7);
INSERT INTO "employee_words" VALUES('com',8);
INSERT INTO "employee_words" VALUES('example',7);
INSERT INTO "employee_words" VALUES('example',8);
INSERT INTO "employee_words" VALUES('jorg',7);
INSERT INTO "employee_words" VALUES('li',8);
INSERT INTO "employee_words" VALUES('muller',7);
INSERT INTO "employee_words" VALUES('ohara',7);
INSERT INTO "employee_words" VALUES('research',7);
INSERT INTO "employee_words" VALUES('xiaolong',8);
INSERT INTO "employee_words" VALUES('小龙',8);
INSERT INTO "employee_words" VALUES('李',8);
INSERT INTO "audit" VALUES(1,1767225600000000,'hr','192.0.2.1','employee.add','employee:7','ok','given_name family_name email phone title department hire_date birth_date home_address salary ssn','d63579776ca5e0e61ecc6a9e4c202840675b344521cee25a168da889f2823588',X'44DCD7878E9706CFE9145731F6F4F53D6FAD81A53A0AF184E54154B4CD7C16C0');
INSERT INTO "audit" VALUES(2,1767225600000000,'hr','192.0.2.1','employee.add','employee:8','ok','given_name family_name email salary','d4fe78d3e2127acba9eb6da613b0e8f4fae403e93de18dff8b51cded1d8a4a23',X'45C54AEE5E7F4FF736BD79D957D1E3A58BC3D915F0D2E488D370B2FBCF9CA0B1');
INSERT INTO "audit" VALUES(3,1767225600000000,'hr','192.0.2.1','employee.update','employee:7','ok','title salary','7b36e741b330d349f6ff07b6d01852bee4333d4695b655dbaec90ecb6ae625da',X'F374EEEC3B7424A64C5219F0111AC65D6B40DC82301C539896827E0B85598538');
INSERT INTO "audit" VALUES(4,1767225600000000,'hr','192.0.2.1','employee.reveal','employee:7','ok','ssn','',X'50007D629996B446B16B138627D39D0E172D981EB37D11ADA3591AB2E105C8CD');
INSERT INTO "audit" VALUES(5,1767225600000000,'hr','192.0.2.1','employee.add','employee:9','ok','given_name','5dfd9b01997c5e71a313ef4b0bdc190f1020952a7b8b54bb9cd3c69117fc1667',X'6CC5E09E3B9392BC97EC61D3DA16E4C270F56D5877EAB87E080AA8F374EFDE6C');
INSERT INTO "audit" VALUES(6,1767225600000000,'hr','192.0.2.1','employee.delete','employee:9','ok','given_name','85ee5e4073f1931c5ecf3d8b3a875fab564da2cb6f8b2ec43d321ac554e4c041',X'0531C36345A44977F3FE62D13F93972BB5BAC2F45BBD6D28A1CC52B32565ED29');
INSERT INTO "history" VALUES(1,1767225600000000,'hr',7,1,'add','{"given_name":null,"family_name":null,"email":null,"phone":null,"title":null,"department":null,"hire_date":null,"birth_date":null,"home_address":null,"salary":null,"ssn":null}','{"given_name":"Jörg","family_name":"Müller","email":"ann.ohara@example.com","phone":"+12127365000","title":"Engineer","department":"Research","hire_date":"2020-02-03","birth_date":"1990-05-17","home_address":"1 Elm Street, Springfield","salary":{"amount":"64000.00","currency":"USD"},"ssn":"536-90-4399"}',X'00000000000000000000000000000001');
INSERT INTO "history" VALUES(2,1767225600000000,'hr',8,1,'add','{"given_name":null,"family_name":null,"email":null,"salary":null}','{"given_name":"小龙","family_name":"李","email":"xiaolong.li@example.com","salary":{"amount":"5000.00","currency":"CHF"}}',X'00000000000000000000000000000002');
INSERT INTO "history" VALUES(3,1767225600000000,'hr',7,2,'update','{"title":"Engineer","salary":{"amount":"64000.00","currency":"USD"}}','{"title":"Chief","salary":{"amount":"70000.00","currency":"EUR"}}',X'00000000000000000000000000000003');
INSERT INTO "history" VALUES(5,1767225600000000,'hr',9,1,'add','{"given_name":null}','{"given_name":"Gone"}',X'00000000000000000000000000000004');
INSERT INTO "history" VALUES(6,1767225600000000,'hr',9,2,'delete','{"given_name":"Gone"}','{"given_name":null}',X'00000000000000000000000000000005');
INSERT INTO "outcomes" VALUES(1,'k-1',1767225600000000,X'6697EEE40D8D836551777EED6794AA9476D8BD189725729222D6445CE960B5C9','{"id":8,"revision":1}');
INSERT INTO "outcomes" VALUES(1,'k-2',1767225600000000,X'CB41E9EA80903D478A581E1A1CED2DB7453F5B55226505C498DF29EE0E59597C','{"id":7,"revision":2}');
"""
