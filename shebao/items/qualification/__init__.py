"""网上办事资格: what the agency's counter does about the accounts of units. Another person reviews every one of them."""
