"""柜面: 信息订正 of what took effect, key information of people, 特殊人群."""
