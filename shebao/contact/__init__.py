"""What units and the agency say to each other beside filings: 预约, 问题报告, 通知公告."""
